# Before Python starts: the products of the small matrices here take longer on several threads.
withr::local_envvar(OPENBLAS_NUM_THREADS = "1", .local_envir = testthat::teardown_env())

# Have each training look for garbage among what the tests made alone: a third of the time.
if (cifar_available()) {
  python_entry_points(rlang::current_env())
  reticulate::py_run_string("import gc, pycifar.backend; gc.collect(); gc.freeze()")
}

# With the environment variable PYCIFAR_QUICK, a test is skipped at the moment in which it would
# train: the training raises an error in Python, and a handler here makes a skip of it.
if (nzchar(Sys.getenv("PYCIFAR_QUICK"))) {
  training <- c("train", "find_learning_rate", "reproduce")
  trains <- "trains, which PYCIFAR_QUICK leaves out"
  made$refuses <- FALSE

  refuse_to_train <- function() {
    python_entry_points(rlang::current_env())
    reticulate::py_run_string(sprintf(
      "
import pycifar.training.lr_finder
import pycifar.training.run
def refuse(*arguments):
    raise RuntimeError('%s')
pycifar.training.run.TrainingRun.train = pycifar.training.lr_finder._losses_at = refuse
      ",
      trains
    ))
    made$refuses <- TRUE
  }

  call_python <- python_call
  utils::assignInNamespace(
    "python_call",
    function(entry_point, ..., call = rlang::caller_env()) {
      list(...) # evaluated, and so checked, first
      if (!made$refuses && entry_point %in% training) {
        refuse_to_train()
      }
      withCallingHandlers(
        call_python(entry_point, ..., call = call),
        pycifar_error_internal = function(error) {
          skip_if(grepl(trains, conditionMessage(error), fixed = TRUE), trains)
        }
      )
    },
    "pycifar"
  )
}
