skip_without_python <- function() {
  skip_if_not(cifar_available(), "Python with Keras is not available")
}

skip_without_cifar10 <- function() {
  skip_without_python()
  skip_if(Sys.getenv("PYCIFAR_DATA_DIR") == "", "needs CIFAR-10: set PYCIFAR_DATA_DIR")
}

# Run R code in a process of its own, which finds what this one finds; its output, with stderr.
run_in_new_session <- function(code, environment = character()) {
  script <- withr::local_tempfile(lines = code, fileext = ".R")
  suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"),
    shQuote(script),
    stdout = TRUE,
    stderr = TRUE,
    env = c(paste0("R_LIBS=", shQuote(paste(.libPaths(), collapse = ":"))), environment)
  ))
}

# Wait for what another process does; `explain` gives what to tell when it takes too long.
wait_until <- function(done, explain, seconds = 180) {
  deadline <- Sys.time() + seconds
  while (!done()) {
    if (Sys.time() > deadline) {
      stop("It took too long. So far: ", paste(explain(), collapse = "\n"))
    }
    Sys.sleep(0.1)
  }
}
