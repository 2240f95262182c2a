# The examples for users of plumber and of Shiny, as the package brings them.

example_file <- function(...) {
  system.file("examples", ..., package = "pycifar", mustWork = TRUE)
}

a_picture <- function(env = parent.frame()) {
  path <- withr::local_tempfile(fileext = ".png", .local_envir = env)
  png::writePNG(array(withr::with_seed(1, runif(40 * 50 * 3)), c(40, 50, 3)), path)
  path
}

test_that("a plumber API predicts a picture", {
  skip_without_python()
  skip_if_not_installed("plumber")
  skip_if_not_installed("callr")
  skip_if_not_installed("png")
  api <- callr::r_bg(
    function(file) plumber::pr_run(plumber::pr(file), port = 18080, quiet = TRUE, docs = FALSE),
    list(example_file("plumber", "plumber.R")),
    stderr = "2>&1",
    stdout = "|"
  )
  on.exit(api$kill())
  server <- list(address = "http://127.0.0.1:18080")
  classes <- NULL
  while (is.null(classes) && api$is_alive()) {
    Sys.sleep(0.5)
    classes <- suppressWarnings(tryCatch(asked(server, "/classes"), error = function(error) NULL))
  }
  expect_true(api$is_alive())
  model <- cifar_load_model("fastnet-cifar10")
  expect_identical(classes, model$class_names)
  path <- a_picture()
  found <- sent(server, path)
  expect_identical(found$class, as.character(predict(model, path)))
  expect_equal(sum(unlist(found$probabilities)), 1, tolerance = 1e-3)
  for (type in c("application/x-www-form-urlencoded", "image/jpeg")) {
    # curl's own, and another
    expect_identical(sent(server, path, type)$class, found$class)
  }
  text <- withr::local_tempfile(lines = "no picture")
  expect_identical(sent(server, text)$error, "This is no picture.")
})

test_that("a Shiny app predicts a picture", {
  skip_without_python()
  skip_if_not_installed("shiny")
  skip_if_not_installed("png")
  path <- a_picture()
  model <- cifar_load_model("fastnet-cifar10")
  expected <- as.character(predict(model, path))
  app <- source(example_file("shiny", "app.R"), local = new.env())$value
  shiny::testServer(app, {
    expect_error(output$heat, class = "shiny.silent.error") # before there is a picture
    session$setInputs(picture = data.frame(name = "a.png", datapath = path))
    expect_match(output$answer, paste0("^", expected, " \\([0-9]+ %\\)$"))
    expect_match(output$bars$src, "^data:image/png")
    expect_match(output$heat$src, "^data:image/png")
    text <- withr::local_tempfile(lines = "no picture")
    session$setInputs(picture = data.frame(name = "b.png", datapath = text))
    expect_error(output$answer, "cannot be read as an image")
    expect_error(output$heat, class = "validation")
  })
})
