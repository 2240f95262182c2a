test_that("the doctor looks at R and at Python", {
  small_model() # Keras is there, so that the libraries are not tried in another process
  diagnosis <- cifar_doctor()
  expect_s3_class(diagnosis, "cifar_diagnosis")
  expect_type(diagnosis$ok, "logical")
  checks <- diagnosis$checks
  expect_named(checks, c("name", "value", "status", "fix"))
  expect_true(all(c("R", "R package", "reticulate", "Python", "keras") %in% checks$name))
  expect_true(all(checks$status %in% c("ok", "warning", "problem")))
  expect_match(checks$value[checks$name == "reticulate"], "which uses .*python")
})

test_that("a diagnosis prints a line a check, and the fix below", {
  checks <- checks_table(
    c("R", "keras"),
    c("4.2.2", "not installed"),
    c("ok", "problem"),
    c(NA, "Run `pip install keras`.")
  )
  expect_snapshot(print(structure(list(ok = FALSE, checks = checks), class = "cifar_diagnosis")))
  expect_output(
    print(structure(list(ok = TRUE, checks = checks[1L, ]), class = "cifar_diagnosis")),
    "No problem."
  )
})
