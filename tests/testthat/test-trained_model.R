test_that("a model prints what it is and how well it did", {
  small_model() # so that Python is there, and the invented handle alone is dead
  expect_snapshot({
    print(invented_model())
    print(invented_model(
      interrupted = TRUE, epochs_done = 0L, history = invented_model()$history[0L, ]
    ))
  })
})

test_that("the summary adds layers, settings and weights", {
  small_model()
  expect_snapshot(summary(invented_model()))
})

test_that("a live model does not say that its weights are gone", {
  printed <- capture.output(print(small_model()))
  expect_match(printed[[1L]], "<cifar_trained_model> cnn2, 4,210,090 parameters")
  expect_false(any(grepl("ended", printed)))
})

test_that("a model from a file of R still shows all that R knew of it", {
  model <- dead_copy(small_model())
  expect_output(print(model), "Its weights ended with their R session")
  expect_identical(model$history, small_model()$history)
  expect_s3_class(plot(model), "ggplot")
})

test_that("the fingerprint is that of the weights", {
  expect_identical(cifar_fingerprint(small_model()), small_model()$fingerprint)
})
