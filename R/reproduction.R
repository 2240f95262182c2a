#' Reproduce the published systems
#'
#' Trains the networks of five published systems and sets what comes out beside what they state.
#' Each network is trained on the whole training split with its own recipe in float32, and measured
#' on the test split after each epoch, as the systems did it; nothing is chosen by those figures.
#'
#' With `path`, each finished training is kept in that file. Where the file is there already, its
#' trainings are not done again, so a call that was cut short goes on where it stopped, and the
#' result holds all that is in the file.
#'
#' @param systems Letters `"A"` to `"E"`, `"baseline"`, and names of architectures, one or several;
#'   `NULL` is all.
#' @param seeds One or several seeds, whole numbers from 0 to 2^31 - 1; each network is trained once
#'   with each.
#' @param epochs For every network; `NULL` takes what the system states, else the recipe's.
#' @param time_budget Seconds for each training, above 0, in place of epochs; see [cifar_train()].
#' @param dataset A data set from [cifar_load_dataset()]; `NULL` loads CIFAR-10.
#' @param path A file that ends in `.json`, or `NULL` to keep nothing.
#' @param verbose 0 or `FALSE` is silent; 1 or `TRUE` tells of each training and the time that is
#'   left; 2 of each epoch. The option `pycifar.verbose` says what it is unless given, as in
#'   [cifar_train()].
#'
#' @return An object of class [cifar_reproduction]; interrupted (Ctrl-C), with what was finished
#'   until then and a warning of class `pycifar_warning_interrupted`.
#' @section Errors:
#' `pycifar_error_argument`; `pycifar_error_data_format` where the file is of another kind or its
#' trainings were on other images; `pycifar_error_output` where it cannot be written.
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
  verbose = verbosity()
) {
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
#' @param path A file that [cifar_reproduce()] wrote.
#' @return An object of class [cifar_reproduction].
#' @section Errors:
#' `pycifar_error_data_format` where there is no such file, or it is damaged or of another kind.
#' @family reproduction
#' @export
#' @examplesIf cifar_available()
#' dataset <- cifar_load_dataset("synthetic", n_train = 200, n_test = 100)
#' path <- tempfile(fileext = ".json")
#' cifar_reproduce("softmax", epochs = 1, dataset = dataset, path = path, verbose = 0)
#' cifar_load_reproduction(path)
cifar_load_reproduction <- function(path) {
  check_given("path")
  new_reproduction(python_call("load_reproduction", one_value(path, "path", "a path")))
}

#' A reproduction
#'
#' What [cifar_reproduce()] and [cifar_load_reproduction()] return.
#'
#' @details
#' A list with the class `cifar_reproduction`:
#'
#' * `table`: a tibble with one row a network and budget: `system`, `architecture`, `parameters`,
#'   `budget`, `epochs`, `seeds`; the means `train_accuracy`, `test_accuracy`, `seconds` and
#'   `images_per_second`; the standard deviations over the seeds `train_sd` and `test_sd`;
#'   `stated_train`, `stated_test` and `difference` (measured less stated); `data` (SHA-256) and
#'   `machine`.
#' * `runs`: a tibble with one row a training.
#' * `history`: a tibble with one row a value: `architecture`, `budget`, `seed`, `epoch`, `split`
#'   (`"train"`, or `"validation"` for the test images), `metric` and `value`.
#' * `calls`: what was asked for, as the shell has it; `interrupted`: whether it was cut short.
#'
#' `print()` shows stated beside measured accuracies, and `plot()` draws accuracy against epochs.
#' `format()` gives what `print()` shows as a table for a document, such as `knitr::kable()` takes.
#'
#' @param x A reproduction.
#' @param ... Not used.
#' @return `plot()`: a ggplot. `format()`: a data frame of text, one row a network and budget.
#'   `print()`: `x`, invisibly.
#' @section Errors:
#' `plot()`: `pycifar_error_argument` where no training was finished.
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
    # It has no columns then, either.
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
    parameters = format(table$parameters, big.mark = ","),
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
