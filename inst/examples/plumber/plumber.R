# A web interface of plumber that predicts pictures. Start it from R:
#
#   plumber::pr_run(plumber::pr("plumber.R"), port = 8080)
#
# and ask it from a shell:
#
#   curl --data-binary @cat.jpg http://127.0.0.1:8080/predict
#
# PYCIFAR_MODEL may be the path of a model of yours.

library(pycifar)

# Bytes of any type stay as they are.
plumber::register_parser("bytes", function() function(value, ...) value, regex = ".*")

model <- cifar_load_model(Sys.getenv("PYCIFAR_MODEL", "fastnet-cifar10"))

#* The class of a picture, and the probability of each class
#* @post /predict
#* @parser bytes
#* @serializer unboxedJSON
function(req, res) {
  path <- tempfile()
  on.exit(unlink(path))
  writeBin(req$bodyRaw, path)
  tryCatch(
    {
      probabilities <- predict(model, path, type = "prob")
      names(probabilities) <- model$class_names
      list(class = names(which.max(probabilities)), probabilities = as.list(probabilities))
    },
    pycifar_error_data_format = function(error) {
      res$status <- 422L
      list(error = "This is no picture.")
    }
  )
}

#* The classes that the model tells
#* @get /classes
function() model$class_names
