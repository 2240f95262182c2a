# Show the progress of a training. It goes through R's own messages and cli, so that Rscript,
# RStudio and knitr show it where they show other output of R.

# Return functions that Python calls to show the progress, and `close()`, which removes the bar.
# They return NULL, because reticulate converts their results for Python.
new_progress <- function() {
  bar <- NULL
  list(
    write_line = callable_from_python(function(line, epoch = NULL, metrics = NULL) {
      if_it_can_be_shown(
        if (is.null(bar)) {
          rlang::inform(
            line,
            class = "pycifar_message_progress",
            epoch = epoch,
            metrics = metrics
          )
        } else {
          # cli collapses several spaces into one, but keeps non-breaking spaces.
          cli::cli_progress_output(gsub(" ", "\u00a0", line), id = bar)
        }
      )
    }),
    update_bar = if (has_bar()) {
      callable_from_python(function(share, metrics) {
        if_it_can_be_shown({
          if (is.null(bar)) {
            bar <<- open_bar()
          }
          cli::cli_progress_update(set = share, extra = list(metrics = metrics), id = bar)
        })
      })
    },
    close = function() {
      if (!is.null(bar)) {
        if_it_can_be_shown(cli::cli_progress_done(id = bar))
      }
    }
  )
}

# Evaluate code that shows progress, and return NULL. R signals an error if it writes to a pipe
# whose reader has exited. This error is ignored, so that it does not end the training.
if_it_can_be_shown <- function(shown) {
  left <- gettext("ignoring SIGPIPE signal", domain = "R")
  rlang::try_fetch(shown, error = function(error) {
    if (identical(conditionMessage(error), left)) NULL else rlang::zap()
  })
  NULL
}

# Check whether to show a progress bar: only on a terminal. knitr would write every state of the bar
# to the document.
has_bar <- function() {
  cli::is_dynamic_tty() && !isTRUE(getOption("knitr.in.progress"))
}

open_bar <- function() {
  cli::cli_progress_bar(
    total = 1,
    format = "{cli::pb_bar} {cli::pb_percent}  {cli::pb_extra$metrics}  {cli::pb_eta_str}",
    extra = list(metrics = ""),
    auto_terminate = FALSE, # lines may follow a full bar
    .auto_close = FALSE,
    .envir = topenv()
  )
}

# Return the default of `verbose`: the option `pycifar.verbose`, otherwise 0 in tests and 1
# elsewhere.
verbosity <- function() {
  getOption("pycifar.verbose", if (identical(Sys.getenv("TESTTHAT"), "true")) 0 else 1)
}
