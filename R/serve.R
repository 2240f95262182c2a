#' Serve models to browsers and programs
#'
#' Starts a web server beside the R session: a page on which people drop pictures, and an interface
#' for programs. The session goes on at once.
#'
#' @details
#' `POST /predict` takes a picture as its body, or several in a form, and answers their classes and
#' probabilities as JSON; with `?explain=true` also where the network looks, and with `?model=` by
#' another model than the first. `GET /models`, `/health` and `/openapi.json` describe the server.
#' The page is at `/`. `SECURITY.md` states the limits on requests. There are no passwords and no
#' encryption: put a proxy in front of it before you let strangers in.
#'
#' A picture is read as [predict.cifar_trained_model()] reads it. onnxruntime computes, if the
#' Python packages onnx, onnxruntime and tf2onnx are installed; then probabilities differ from those
#' of `predict()` as [cifar_export_model()] says. Otherwise Keras does.
#'
#' The server needs the Python packages starlette, uvicorn, httptools and python-multipart.
#' reticulate adds them to an environment that it made itself.
#'
#' @param model A model from [cifar_train()], [cifar_load_model()] or [cifar_adopt_model()]; or the
#'   path of a model file; or a list of these, with names under which clients ask for them. Without
#'   them, the name of a file is that without its ending, and that of a model the name of its
#'   architecture.
#' @param host The address to listen on. `"127.0.0.1"` answers to this machine alone, `"0.0.0.0"` to
#'   all that can reach it.
#' @param port The port, 0-65535; 0 takes any that is free.
#' @inheritParams cifar_evaluate
#'
#' @return An object of class `cifar_server`: a list with `address`, such as
#'   `"http://127.0.0.1:8000"`, `models`, the names of the models, and `stop`, a function without
#'   arguments that lets the server answer what has begun and ends it. The server ends with the
#'   session at the latest, and also when no variable has the object any more. `print()` shows where
#'   it is.
#' @section Errors:
#' * `pycifar_error_serving`: the port is in use, or the address is not that of this machine.
#' * `pycifar_error_dependency`: a Python package is missing.
#' * `pycifar_error_model_file`: a file is no model.
#' * `pycifar_error_argument`: an argument is not as described above, or two models have one name.
#' * `pycifar_error_handle`: the R session of the model has ended.
#' @family models
#' @export
#' @examplesIf interactive() && cifar_available()
#' server <- cifar_serve("fastnet-cifar10")
#' browseURL(server$address)
#' server$stop()
cifar_serve <- function(model, host = "127.0.0.1", port = 8000, ...) {
  check_no_more("cifar_serve", ...)
  check_given("model")
  declare_server()
  handle <- python_call(
    "serve",
    models_to_serve(model),
    one_value(host, "host", "the address of this machine"),
    one_value(port, "port", "a whole number")
  )
  about <- python_call("describe_server", handle)
  server <- list(
    address = about$address,
    models = as_column(about$models),
    handle = handle,
    stop = function() invisible(python_call("stop_server", handle))
  )
  structure(server, class = "cifar_server")
}

# Models as Python takes them: a list, with names if they have any.
models_to_serve <- function(model, call = rlang::caller_env()) {
  if (inherits(model, "cifar_trained_model") || !is.list(model)) {
    return(list(model_to_serve(model, call)))
  }
  check_names_differ(model, "model", call)
  lapply(model, model_to_serve, call)
}

model_to_serve <- function(model, call) {
  if (inherits(model, "cifar_trained_model")) {
    return(live_handle(model, "model", "cifar_trained_model", call))
  }
  one_value(model, "model", "a trained model or the path of one", call)
}

#' @export
format.cifar_server <- function(x, ...) {
  running <- tryCatch(
    python_call("describe_server", x$handle)$running,
    error = function(error) FALSE
  )
  sprintf(
    "<cifar_server> %s %s: %s",
    if (running) "at" else "stopped, was at",
    x$address,
    encodeString(paste(x$models, collapse = ", "))
  )
}

#' @export
print.cifar_server <- function(x, ...) {
  check_no_more("print", ...)
  cat(format(x), "\n", sep = "")
  invisible(x)
}
