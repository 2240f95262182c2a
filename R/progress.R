# Progress of a training run through R's own output, so that Rscript, RStudio and knitr show it in
# the place where they show what R says.

# Functions that Python calls, and one that ends the showing. They return NULL, because what they
# return crosses to Python.
new_progress <- function() {
  bar <- NULL
  list(
    write_line = callable_from_python(function(line) {
      if_it_can_be_shown(
        if (is.null(bar)) {
          rlang::inform(line, class = "pycifar_message_progress")
        } else {
          # Spaces that do not break: cli makes several of the others one.
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

# Evaluate what shows progress. R makes an error of it where the reader of a pipe has left, and a
# training is not to be lost for that.
if_it_can_be_shown <- function(shown) {
  left <- gettext("ignoring SIGPIPE signal", domain = "R")
  rlang::try_fetch(shown, error = function(error) {
    if (identical(conditionMessage(error), left)) NULL else rlang::zap()
  })
  NULL
}

# A bar is for a terminal that a person looks at; knitr would write each of its states to the page.
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

# What `verbose` is unless it is said: the option `pycifar.verbose`, else 1, but silence in tests.
verbosity <- function() {
  getOption("pycifar.verbose", if (identical(Sys.getenv("TESTTHAT"), "true")) 0 else 1)
}
