# Convert tables of image files for Python: data frames, and splits of the package rsample.

# Check whether a source is a table of image files.
is_table <- function(source) {
  is.data.frame(source) || inherits(source, c("rsplit", "three_way_split"))
}

# Return a table as a data frame. A split of rsample gets a column `split`.
as_data_frame <- function(source) {
  if (is.data.frame(source)) {
    return(source)
  }
  rows <- list(train = source$in_id)
  if (inherits(source, "three_way_split")) {
    rows <- list(train = source$train_id, validation = source$val_id)
  }
  # rsample has NA for the rows that are left.
  left <- setdiff(seq_len(nrow(source$data)), unlist(rows))
  held_out <- source[["out_id"]]
  rows$test <- if (is.null(held_out) || anyNA(held_out)) left else held_out
  table <- source$data[unlist(rows), , drop = FALSE]
  table$split <- rep(names(rows), lengths(rows))
  table
}

# Return the columns of a table in the form that Python takes. Missing values become None.
table_to_python <- function(table, call = rlang::caller_env()) {
  is_plain <- vapply(table, function(column) is.atomic(column) && is.null(dim(column)), NA)
  for (name in intersect(c("path", "label", "split", "group", "weight"), names(table)[!is_plain])) {
    abort_argument(
      paste0("source$", name),
      "a column with one value a row",
      table[[name]],
      call
    )
  }
  columns <- as.list(table)[is_plain]
  lapply(columns, function(column) {
    number <- is.numeric(column) && !is.factor(column)
    whole <- number && all(column == trunc(column), na.rm = TRUE)
    values <- as.list(if (number && !whole) as.double(column) else label_names(column))
    values[is.na(column)] <- list(NULL)
    values
  })
}

# Return the classes of a table in order: the levels of its labels. NULL leaves the order to Python.
classes_of_table <- function(table) {
  levels(table[["label"]])
}
