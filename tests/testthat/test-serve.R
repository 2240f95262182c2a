skip_without_server <- function() {
  skip_without_python()
  for (module in c("httptools", "starlette", "uvicorn", "multipart")) {
    skip_if_not(reticulate::py_module_available(module), paste(module, "is there"))
  }
}

test_that("a server answers beside the session, and stops", {
  skip_without_server()
  skip_if_not_installed("png")
  model <- cifar_load_model("fastnet-cifar10")
  server <- cifar_serve(list(small = model), port = 0)
  on.exit(server$stop())
  expect_s3_class(server, "cifar_server")
  expect_identical(server$models, "small")
  expect_match(format(server), "<cifar_server> at http://127.0.0.1:", fixed = TRUE)
  expect_identical(asked(server, "/health")$status, "ok")
  expect_identical(asked(server, "/models")$models$class_names[[1L]], model$class_names)
  path <- withr::local_tempfile(fileext = ".png")
  png::writePNG(array(withr::with_seed(1, runif(40 * 50 * 3)), c(40, 50, 3)), path)
  found <- sent(server, path)$predictions
  expect_identical(found$class, as.character(predict(model, path)))
  expect_equal(
    unlist(found$probabilities, use.names = FALSE),
    unlist(predict(model, path, type = "prob"), use.names = FALSE),
    tolerance = 1e-3
  )
  server$stop()
  expect_match(format(server), "stopped, was at", fixed = TRUE)
  expect_error(suppressWarnings(asked(server, "/health")))
})

test_that("wrong calls say what is allowed", {
  skip_without_server()
  model <- cifar_load_model("fastnet-cifar10")
  expect_pycifar_error(cifar_serve(list(model, model)), "argument", "Two models have the name")
  expect_pycifar_error(cifar_serve(list(a = model, a = model)), "argument", "several `a`")
  expect_pycifar_error(cifar_serve(model, port = 70000), "argument", "port")
  expect_pycifar_error(cifar_serve(list()), "argument", "at least one model")
  expect_pycifar_error(cifar_serve("none.keras"), "model_file", "none.keras")
  expect_pycifar_error(cifar_serve(model, host = "192.0.2.1", port = 0), "serving", "192.0.2.1")
})
