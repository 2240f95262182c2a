# Expect an error of a kind of pycifar, in the name of a function of pycifar, with a fix or without.
expect_pycifar_error <- function(code, kind, message = NULL, fixed = TRUE) {
  error <- tryCatch(code, error = identity)
  expect_s3_class(error, paste0("pycifar_error_", kind))
  expect_s3_class(error, "pycifar_error")
  if (!is.null(message)) {
    expect_match(one_line(conditionMessage(error)), message, fixed = fixed)
  }
  invisible(error)
}

# A message as one line: where it is broken depends on the width of the terminal.
one_line <- function(text) {
  gsub("[[:space:]]+", " ", text)
}
