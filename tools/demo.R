# Train a classifier from R, look at it, save it, and have Python load it and agree.
# Run by `make demo`; what it makes goes to demo-output/.

library(pycifar)

folder <- "demo-output"
dir.create(folder, showWarnings = FALSE)
path <- function(name) file.path(folder, name)

dataset <- if (cifar_available("cifar10")) {
  cifar_load_dataset("cifar10", n_train = 20000)
} else {
  message("CIFAR-10 is not on this machine: the demo uses the synthetic data set.")
  cifar_load_dataset("synthetic")
}
print(dataset)

model <- cifar_train(dataset, "cnn2", epochs = if (dataset$name == "cifar10") 4 else 8, seed = 1)
print(model)

evaluation <- cifar_evaluate(model, dataset)
print(evaluation)

plots <- list(
  samples.png = plot(dataset),
  history.png = plot(model),
  confusion.png = plot(evaluation)
)
for (name in names(plots)) {
  ggplot2::ggsave(path(name), plots[[name]], width = 7, height = 5, dpi = 150, bg = "white")
}
cifar_save_model(model, path("cnn2.keras"), overwrite = TRUE)

# Another process, another language, the same model.
python <- system2(
  "pycifar",
  c("evaluate", path("cnn2.keras"), "--dataset", dataset$name, "--json"),
  stdout = TRUE
)
in_python <- jsonlite::fromJSON(python)
stopifnot(
  identical(in_python$fingerprint, cifar_fingerprint(model)),
  isTRUE(all.equal(in_python$accuracy, evaluation$accuracy, tolerance = 1e-12))
)
cat(sprintf(
  "Python loaded %s and agrees: accuracy %.4f, weights %s...\n",
  path("cnn2.keras"),
  in_python$accuracy,
  substr(in_python$fingerprint, 1, 16)
))
cat("Pictures and model are in", normalizePath(folder), "\n")
