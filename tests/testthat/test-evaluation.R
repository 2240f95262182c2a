test_that("an evaluation agrees with the predictions that it is made of", {
  evaluation <- small_evaluation()
  expect_identical(evaluation$n, 100L)
  expect_identical(sum(evaluation$confusion$n), 100L)
  right <- evaluation$confusion$truth == evaluation$confusion$predicted
  expect_equal(sum(evaluation$confusion$n[right]) / 100, evaluation$accuracy)
  predicted <- tapply(evaluation$confusion$n, evaluation$confusion$predicted, sum)
  counted <- table(predict(small_model(), small_dataset()))
  expect_equal(as.vector(predicted), as.vector(counted))
})

test_that("its tables have the classes as factors, in the order of the model", {
  evaluation <- small_evaluation()
  classes <- small_model()$class_names
  expect_named(evaluation$per_class, c("class", "precision", "recall", "f1", "support"))
  expect_identical(evaluation$per_class$class, factor(classes, levels = classes))
  expect_named(evaluation$confusion, c("truth", "predicted", "n"))
  expect_identical(levels(evaluation$confusion$predicted), classes)
})

test_that("the training split can be measured too", {
  expect_identical(cifar_evaluate(small_model(), small_dataset(), "train")$n, 200L)
})

test_that("a data set of other classes is refused", {
  other <- function() {
    cifar_load_dataset(list(test = list(test_images(2L), c("cat", "dog"))))
  }
  expect_pycifar_error(
    cifar_evaluate(small_model(), other()),
    "data",
    "must have the model's classes"
  )
})

test_that("what is no name of a split is refused", {
  for (split in list(as.raw(1), quote(a), list(), 1i, NA)) {
    error <- expect_error(cifar_evaluate(small_model(), small_dataset(), split = split))
    expect_s3_class(error, "pycifar_error")
    expect_false(inherits(error, "pycifar_error_internal"))
  }
})

test_that("an evaluation prints the whole, its summary each class", {
  expect_snapshot({
    print(invented_evaluation())
    summary(invented_evaluation())
  })
})

test_that("an evaluation has tidy(), glance() and tables", {
  skip_without_python()
  skip_if_not_installed("generics")
  found <- cifar_evaluate(small_model(), small_dataset())
  expect_identical(generics::tidy(found), found$per_class)
  expect_identical(generics::glance(found)$accuracy, found$accuracy)
  expect_identical(nrow(generics::glance(found)), 1L)
  expect_identical(as.data.frame(found), as.data.frame(found$per_class))
  counts <- as.table(found)
  expect_identical(names(dimnames(counts)), c("Prediction", "Truth"))
  expect_equal(sum(diag(counts)) / sum(counts), found$accuracy)
  expect_equal(unname(colSums(counts)), unname(c(found$per_class$support)))
})
