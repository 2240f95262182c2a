# Trains once from R and gives what the other doors must agree on, as JSON. Run by Rscript, and by
# R inside Python, with the settings in the environment variable PYCIFAR_INTEROP as JSON.

library(pycifar)

# jsonlite writes 15 digits at most; 17 tell every double from its neighbours.
exactly <- function(x) sprintf("%.17g", x)

train_once <- function(settings) {
  dataset <- do.call(cifar_load_dataset, settings$data)
  model <- do.call(
    cifar_train,
    c(list(dataset, settings$architecture, verbose = 0), settings$training)
  )
  evaluation <- cifar_evaluate(model, dataset)
  probabilities <- as.matrix(predict(model, dataset, type = "prob"))
  list(
    fingerprint = cifar_fingerprint(model),
    history = c(
      as.list(model$history[c("epoch", "split", "metric")]),
      list(value = exactly(model$history$value))
    ),
    accuracy = exactly(evaluation$accuracy),
    loss = exactly(evaluation$loss),
    classes = as.character(predict(model, dataset)),
    probabilities = exactly(as.vector(t(probabilities)))
  )
}

settings <- jsonlite::fromJSON(Sys.getenv("PYCIFAR_INTEROP"), simplifyVector = TRUE)
result <- jsonlite::toJSON(train_once(settings), auto_unbox = TRUE)
