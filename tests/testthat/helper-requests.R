# Requests to a web server, by base R alone.

# The answer to a request without a body.
asked <- function(server, path) {
  connection <- url(paste0(server$address, path))
  on.exit(close(connection))
  jsonlite::fromJSON(readLines(connection, warn = FALSE))
}

# The answer to a picture, sent by base R alone.
sent <- function(server, path, type = NULL) {
  parts <- strsplit(sub("http://", "", server$address, fixed = TRUE), ":", fixed = TRUE)[[1L]]
  connection <- socketConnection(
    parts[[1L]],
    as.integer(parts[[2L]]),
    blocking = TRUE,
    open = "r+b",
    timeout = 60
  )
  on.exit(close(connection))
  head <- c(
    "POST /predict HTTP/1.1",
    paste("Host:", parts[[1L]]),
    "Connection: close",
    paste("Content-Length:", file.size(path)),
    if (!is.null(type)) paste("Content-Type:", type),
    "",
    ""
  )
  writeBin(charToRaw(paste(head, collapse = "\r\n")), connection)
  writeBin(readBin(path, "raw", file.size(path)), connection)
  flush(connection)
  lines <- readLines(connection, warn = FALSE)
  jsonlite::fromJSON(lines[[length(lines)]])
}
