# The one bridge to Python: no other file names reticulate.
#
# Python starts when it is first used. Even reticulate is loaded only then, because loading it takes
# longer than all of `library(pycifar)` may take.

# The state of the bridge:
#
# * `entry_points`: the Python module, once it is imported in the process of this id, `process`.
# * `deferred`: a condition on its way through Python, see callable_from_python().
# * `parameters`: how many the models have that came since free_models() last looked.
# * `data_dir`: what Python was last told of where CIFAR-10 is.
bridge <- list2env(list(parameters = 0), parent = emptyenv())

oldest_reticulate <- "1.41.0"
oldest_python <- "3.11"

# The dependencies in pyproject.toml; a test compares the two.
python_packages <- c(
  "keras>=3.15",
  "numpy>=2.1",
  "pandas>=2.2.3",
  "pillow>=13.0",
  "rich>=13.9",
  "tensorflow>=2.20"
)

.onLoad <- function(libname, pkgname) {
  ask_for_onednn()
  if (isNamespaceLoaded("reticulate")) {
    declare_requirements()
  } else {
    setHook(packageEvent("reticulate", "onLoad"), function(...) declare_requirements())
  }
}

# Call an entry point: its value, or its error as an R condition of the function in frame `call`.
python_call <- function(entry_point, ..., call = rlang::caller_env()) {
  list(...) # evaluated, and so checked, before Python is started
  check_process(call)
  entry_points <- python_entry_points(call)
  tell_data_dir(entry_points)
  answer <- entry_points[[entry_point]](...)
  signal_deferred()
  warn_from_python(answer$warnings, call)
  if (!answer$ok) {
    abort_from_python(answer, call)
  }
  answer$value
}

# A process that was forked has none of the threads in which Python computes, and would wait for
# them for ever.
check_process <- function(call) {
  if (!is.null(bridge$entry_points) && bridge$process != Sys.getpid()) {
    abort_pycifar(
      "forked",
      paste(
        "This R process was forked, as parallel::mclapply() does it, from one in which Python runs",
        "already; Python does not work in it."
      ),
      fix = paste(
        "Use processes of their own, as parallel::makePSOCKcluster(), callr or future's",
        "multisession make them, and hand models over as saved files."
      ),
      call = call
    )
  }
}

# Python copies the environment when it starts, and Sys.setenv() may have been called since.
tell_data_dir <- function(entry_points) {
  data_dir <- Sys.getenv("PYCIFAR_DATA_DIR")
  if (!identical(data_dir, bridge$data_dir)) {
    entry_points$set_data_dir(data_dir)
    bridge$data_dir <- data_dir
  }
}

# A function that Python may call. An exiting handler of the user, such as tryCatch(message = ),
# must not jump out of it: that would jump over Python's frames, which crashes R. So the jump ends
# here, Python gets an error in its place, and python_call() signals the condition again once Python
# has returned. Errors and interrupts are reticulate's, which hands them to Python as they are.
callable_from_python <- function(f) {
  force(f)
  function(...) {
    withRestarts(
      without_jumps(f, ...),
      pycifar_defer = function(condition) {
        bridge$deferred <- condition
        stop("R left the function before it returned.", call. = FALSE)
      }
    )
  }
}

# Whether Python with Keras can be used, see cifar_available(). It does not make reticulate download
# a Python of its own behind the back of R CMD check.
python_ready <- function() {
  chosen <- nzchar(Sys.getenv("RETICULATE_PYTHON")) || interactive()
  if (!chosen && !(isNamespaceLoaded("reticulate") && reticulate::py_available())) {
    return(FALSE)
  }
  tryCatch(
    {
      python_entry_points(rlang::current_env())
      !is.null(reticulate::import("importlib.util")$find_spec("keras"))
    },
    error = function(error) FALSE
  )
}

without_jumps <- function(f, ...) {
  returned <- FALSE
  last <- simpleCondition("")
  on.exit(
    if (!returned && !inherits(last, c("error", "interrupt"))) {
      invokeRestart("pycifar_defer", last)
    }
  )
  value <- withCallingHandlers(f(...), condition = function(condition) last <<- condition)
  returned <- TRUE
  value
}

signal_deferred <- function() {
  deferred <- bridge$deferred
  if (!is.null(deferred)) {
    bridge$deferred <- NULL
    rlang::cnd_signal(deferred)
  }
}

is_python_object <- function(x) {
  inherits(x, "python.builtin.object")
}

# Its version, and why it uses the Python that it uses.
reticulate_state <- function() {
  if (!requireNamespace("reticulate", quietly = TRUE)) {
    return("not installed")
  }
  version <- utils::packageVersion("reticulate")
  if (!reticulate::py_available()) {
    return(sprintf("%s, which started no Python", version))
  }
  config <- reticulate::py_config()
  reason <- if (!is.null(config$forced)) {
    paste("because of", config$forced)
  } else if (isTRUE(config$ephemeral)) {
    "made for the packages that pycifar asks for"
  } else {
    "the first in its order of discovery"
  }
  sprintf("%s, which uses %s, %s", version, config$python, reason)
}

# A handle does not survive the R session: R saves it as a null pointer.
is_dead <- function(handle) {
  !is_python_object(handle) || reticulate::py_is_null_xptr(handle)
}

# As the Python package does; but Keras may be imported before that is, for a network of the user's
# own, and TensorFlow reads this once.
ask_for_onednn <- function() {
  if (R.version$arch == "x86_64" && !nzchar(Sys.getenv("TF_ENABLE_ONEDNN_OPTS"))) {
    Sys.setenv(TF_ENABLE_ONEDNN_OPTS = "1")
  }
}

declare_requirements <- function() {
  if (utils::packageVersion("reticulate") >= oldest_reticulate) {
    reticulate::py_require(python_packages, python_version = paste0(">=", oldest_python))
  }
}

python_entry_points <- function(call) {
  if (is.null(bridge$entry_points)) {
    bridge$entry_points <- with_little_garbage(import_entry_points(call))
    bridge$process <- Sys.getpid()
  }
  bridge$entry_points
}

# With reticulate comes Matrix, whose tables of methods leave 70 MB of garbage that R would keep for
# the rest of the session, and tibble leaves 40 MB: so it is collected as it comes, which takes no
# longer.
with_little_garbage <- function(code) {
  before <- gctorture2(step = 50000L) # objects made between two collections
  on.exit(gctorture2(before))
  code
}

import_entry_points <- function(call) {
  start_python(call)
  # Where pycifar is imported already, as in a Python process that runs R, that one is used.
  entry_points <- tryCatch(
    reticulate::import_from_path(
      "pycifar.entry_points",
      path = system.file("python", package = "pycifar")
    ),
    error = function(error) abort_import(error, call)
  )
  check_versions(entry_points$version()$value, call)
  entry_points
}

start_python <- function(call) {
  tryCatch(
    load_reticulate(),
    error = function(error) {
      abort_pycifar(
        "dependency",
        sprintf(
          "pycifar needs the package reticulate, version %s or newer, which cannot be loaded: %s",
          oldest_reticulate,
          first_line(conditionMessage(error))
        ),
        fix = "Run install.packages(\"reticulate\") and start R anew.",
        call = call,
        parent = without_additions(error)
      )
    }
  )
  tryCatch(
    reticulate::py_config(),
    error = function(error) {
      abort_pycifar(
        "dependency",
        paste("Python cannot be started:", first_line(conditionMessage(error))),
        fix = paste(
          "Set the environment variable RETICULATE_PYTHON to a Python,",
          oldest_python,
          "or newer,",
          "that has pycifar's dependencies, and start R anew. Without one, reticulate makes its",
          "own, for which it needs a network."
        ),
        call = call,
        parent = without_additions(error)
      )
    }
  )
}

load_reticulate <- function() {
  loadNamespace("tibble")
  loadNamespace("reticulate", versionCheck = list(op = ">=", version = oldest_reticulate))
}

abort_import <- function(error, call) {
  python <- reticulate::py_config()$python
  abort_pycifar(
    "dependency",
    sprintf(
      "pycifar cannot be imported in %s: %s.",
      python,
      sub("[.]$", "", first_line(conditionMessage(error)))
    ),
    fix = sprintf(
      "Install what is missing (%s -m pip install %s), and start R anew.",
      python,
      paste(shQuote(python_packages), collapse = " ")
    ),
    call = call,
    parent = without_additions(error)
  )
}

check_versions <- function(python_version, call) {
  r_version <- as.character(utils::packageVersion("pycifar"))
  if (!identical(python_version, r_version)) {
    abort_pycifar(
      "dependency",
      sprintf(
        paste(
          "The Python package pycifar that is loaded has version %s,",
          "and the R package has version %s; they must be the same."
        ),
        python_version,
        r_version
      ),
      fix = "Install both from the same sources, and start R anew.",
      call = call
    )
  }
}

first_line <- function(text) {
  lines <- trimws(strsplit(text, "\n", fixed = TRUE)[[1L]])
  c(lines[nzchar(lines)], "no reason was given")[[1L]]
}

# An error without what reticulate adds to it, which rlang 1.0 cannot print as another's parent.
without_additions <- function(error) {
  simpleError(conditionMessage(error), conditionCall(error))
}
