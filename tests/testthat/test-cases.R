# Calls that must fail, which both languages are tested with; tests/cases/README.md explains them.

cases_file <- test_path("../cases/bad_arguments.json")
cases <- if (file.exists(cases_file)) jsonlite::fromJSON(cases_file, simplifyVector = FALSE)

functions <- list(
  load_dataset = cifar_load_dataset,
  find_learning_rate = cifar_find_learning_rate,
  build_model = cifar_build_model,
  train = cifar_train,
  predict = function(model, ...) predict.cifar_trained_model(model, ...),
  evaluate = cifar_evaluate,
  save_model = cifar_save_model,
  load_model = cifar_load_model
)

as_argument <- function(value, folder) {
  if (!is.list(value)) {
    return(value)
  }
  if (is.null(names(value))) {
    return(unlist(value))
  }
  if (is.null(value$is)) {
    return(lapply(value, as_argument, folder = folder))
  }
  path <- file.path(folder, value$name)
  switch(
    value$is,
    dataset = small_dataset(),
    model = small_model(),
    images = array(value$value, unlist(value$shape)),
    "function" = function(...) NULL,
    path = path,
    text_file = {
      writeLines("not this", path)
      path
    },
    truncated_batches = truncated_batches(folder)
  )
}

truncated_batches <- function(folder) {
  inside <- file.path(folder, "cifar-10-batches-py")
  dir.create(inside)
  for (name in c(paste0("data_batch_", 1:5), "test_batch")) {
    writeBin(raw(100L), file.path(inside, name))
  }
  folder
}

contents <- function(folder) {
  tools::md5sum(list.files(folder, recursive = TRUE, all.files = TRUE, full.names = TRUE))
}

for (case in cases) {
  test_that(paste("refused:", case$name), {
    skip_without_python()
    folder <- withr::local_tempdir()
    arguments <- lapply(case$arguments, as_argument, folder = folder)
    before <- contents(folder)
    expect_pycifar_error(
      do.call(functions[[case[["function"]]]], arguments),
      case$kind,
      case$message
    )
    expect_identical(contents(folder), before)
  })
}

test_that("the cases are there", {
  skip_if_not(file.exists(cases_file), "tests/cases is not here")
  expect_gt(length(cases), 40L)
})
