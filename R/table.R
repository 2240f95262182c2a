# Tables of Python, which come as lists of columns.

# A tibble of columns.
as_table <- function(columns) {
  tibble::as_tibble(lapply(columns, as_column))
}

# A column as a vector: Python's None, which comes as NULL, is NA.
as_column <- function(values) {
  if (is.list(values)) {
    values[vapply(values, is.null, logical(1L))] <- NA
  }
  if (length(values) == 0L) logical() else unlist(values)
}
