test_that("columns of Python become a tibble", {
  table <- as_table(list(name = c("a", "b"), fix = list(NULL, "do"), n = list(1L, 2.5)))
  expect_s3_class(table, "tbl_df")
  expect_identical(table$fix, c(NA, "do"))
  expect_identical(table$n, c(1, 2.5))
})
