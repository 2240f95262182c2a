# Convert tables from Python, which come as lists of columns.

# Return a list of columns as a tibble.
as_table <- function(columns) {
  tibble::as_tibble(lapply(columns, as_column))
}

# Return a column as a vector. Python's None comes as NULL and becomes NA.
as_column <- function(values) {
  if (is.list(values)) {
    values[vapply(values, is.null, logical(1L))] <- NA
  }
  if (length(values) == 0L) logical() else unlist(values)
}
