#' Reproduce the published systems
#'
#' Trains the networks of five published systems and compares the measured accuracies with the
#' stated ones. Each network is trained on the whole training split with its own recipe, in float32.
#' It is measured on the test split after each epoch, as the published systems did it. No setting is
#' chosen by these measurements.
#'
#' With `path`, each finished training is saved in that file. If the file exists, its trainings are
#' not repeated. A call that was cut short can therefore be repeated to do the rest. The result
#' contains all trainings in the file.
#'
#' @param systems One or more of the letters `"A"` to `"E"`, `"baseline"`, and names of
#'   architectures. `NULL` means all.
#' @param seeds One or more seeds, whole numbers from 0 to 2^31 - 1. Each network is trained once
#'   with each seed.
#' @param epochs The number of epochs for each network. `NULL` uses the number that the system
#'   states, otherwise the number in the recipe.
#' @param time_budget The number of seconds for each training, above 0. Give it instead of `epochs`;
#'   see [cifar_train()].
#' @param dataset A data set from [cifar_load_dataset()]. `NULL` loads CIFAR-10.
#' @param path The path of a file that ends in `.json`. `NULL` saves nothing.
#' @param verbose What to show of the progress. 0 or `FALSE`: nothing. 1 or `TRUE`: each training
#'   and the remaining time. 2: also each epoch. The default is the option `pycifar.verbose`, as in
#'   [cifar_train()].
#' @inheritParams cifar_evaluate
#'
#' @return An object of class [cifar_reproduction]. After an interrupt (Ctrl-C), it contains the
#'   trainings that were finished, and there is a warning of class `pycifar_warning_interrupted`.
#' @section Errors:
#' * `pycifar_error_argument`: an argument is not as described above.
#' * `pycifar_error_data_format`: the file is not a reproduction, or its trainings used other
#'   images.
#' * `pycifar_error_output`: the file cannot be written.
#' @family reproduction
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' found <- cifar_reproduce("C", seeds = 1:2, epochs = 2, dataset = dataset, verbose = 0)
#' found
#' plot(found)
cifar_reproduce <- function(
  systems = NULL,
  seeds = 1,
  epochs = NULL,
  time_budget = NULL,
  dataset = NULL,
  path = NULL,
  verbose = verbosity(),
  ...
) {
  check_no_more("cifar_reproduce", ...)
  handle <- if (!is.null(dataset)) live_handle(dataset, "dataset", "cifar_dataset")
  progress <- new_progress()
  on.exit(progress$close())
  found <- python_call(
    "reproduce",
    several_values(systems, "systems", "names of systems or architectures"),
    several_values(seeds, "seeds", "one or several whole numbers"),
    one_value(epochs, "epochs", "a single number"),
    one_value(time_budget, "time_budget", "a single number"),
    handle,
    one_value(path, "path", "a path"),
    one_value(verbose, "verbose", "0, 1, 2, TRUE or FALSE"),
    progress$write_line,
    progress$update_bar
  )
  new_reproduction(found)
}

#' Load a reproduction
#'
#' @param path The path of a file that [cifar_reproduce()] wrote.
#' @inheritParams cifar_evaluate
#' @return An object of class [cifar_reproduction].
#' @section Errors:
#' `pycifar_error_data_format`: there is no such file, it is damaged, or it is not a reproduction.
#' @family reproduction
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' path <- tempfile(fileext = ".json")
#' cifar_reproduce("softmax", epochs = 1, dataset = dataset, path = path, verbose = 0)
#' cifar_load_reproduction(path)
cifar_load_reproduction <- function(path, ...) {
  check_no_more("cifar_load_reproduction", ...)
  check_given("path")
  new_reproduction(python_call("load_reproduction", one_value(path, "path", "a path")))
}

#' Reproductions
#'
#' The result of [cifar_reproduce()] and [cifar_load_reproduction()].
#'
#' @details
#' A list with the class `cifar_reproduction`:
#'
#' * `table`: a tibble with one row for each network and budget. Its columns are
#'     * `system`, `architecture`, `parameters`, `budget`, `epochs` and `seeds`: what was trained.
#'     * `train_accuracy`, `test_accuracy`, `seconds` and `images_per_second`: means over the seeds.
#'     * `train_sd` and `test_sd`: standard deviations of the accuracies over the seeds, `NA` for
#'       one seed.
#'     * `stated_train` and `stated_test`: the accuracies that the system states, or `NA`.
#'     * `difference`: `test_accuracy` minus `stated_test`.
#'     * `data`: the SHA-256 of the training images.
#'     * `machine`: the processor and its number of cores.
#' * `runs`: a tibble with one row per training.
#' * `history`: a tibble with one row per value and the columns `architecture`, `budget`, `seed`,
#'   `epoch`, `split` (`"train"`, or `"validation"` for the test images), `metric` and `value`.
#' * `calls`: the calls that made the reproduction, as commands for the command line.
#' * `interrupted`: whether the last call was interrupted.
#'
#' `print()` shows the stated and the measured accuracies. `plot()` draws accuracy against epochs.
#' `format()` returns the table that `print()` shows, for example for `knitr::kable()`.
#'
#' @param x A reproduction.
#' @param ... Not used.
#' @return `plot()` returns a ggplot. `format()` returns a data frame of text with one row for each
#'   network and budget. `print()` returns `x` invisibly.
#' @section Errors:
#' `pycifar_error_argument`: `plot()` was called and no training was finished.
#' @family reproduction
#' @name cifar_reproduction
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' found <- cifar_reproduce(c("A", "C"), epochs = 2, dataset = dataset, verbose = 0)
#' found$table
#' plot(found)
NULL

#' @rdname cifar_reproduction
#' @export
print.cifar_reproduction <- function(x, ...) {
  check_no_more("print", ...)
  cat(sprintf("<cifar_reproduction> %d trainings\n", nrow(x$runs)))
  if (nrow(x$runs) > 0L) {
    print(format(x), row.names = FALSE, right = FALSE)
  }
  invisible(x)
}

#' @rdname cifar_reproduction
#' @export
format.cifar_reproduction <- function(x, ...) {
  table <- x$table
  if (nrow(table) == 0L) {
    # Without rows, `table` has no columns either.
    none <- character()
    return(data.frame(
      system = none,
      architecture = none,
      parameters = none,
      budget = none,
      train = none,
      test = none,
      stated = none,
      difference = none
    ))
  }
  share <- function(values) ifelse(is.na(values), "", sprintf("%.4f", values))
  spread <- function(sd) ifelse(is.na(sd), "", sprintf(" \u00b1 %.4f", sd))
  data.frame(
    system = table$system,
    architecture = table$architecture,
    parameters = with_commas(table$parameters),
    budget = table$budget,
    train = paste0(share(table$train_accuracy), spread(table$train_sd)),
    test = paste0(share(table$test_accuracy), spread(table$test_sd)),
    stated = share(table$stated_test),
    difference = ifelse(is.na(table$difference), "", sprintf("%+.4f", table$difference))
  )
}

#' @rdname cifar_reproduction
#' @export
plot.cifar_reproduction <- function(x, ...) {
  check_no_more("plot", ...)
  if (nrow(x$runs) == 0L) {
    abort_pycifar("argument", "`x` is empty: no training was finished.")
  }
  plot_reproduction(x)
}

# Make a `cifar_reproduction` from what Python returned. Python has NaN where R has NA.
new_reproduction <- function(found) {
  tables <- lapply(found[c("table", "runs", "history")], function(columns) {
    table <- as_table(columns)
    table[] <- lapply(table, function(column) {
      if (is.double(column)) {
        column[is.nan(column)] <- NA
      }
      column
    })
    table
  })
  structure(
    c(tables, list(calls = as_column(found$calls), interrupted = found$interrupted)),
    class = "cifar_reproduction"
  )
}
