# Draw the plots. The two line colours are from Okabe and Ito 2008, "Color Universal Design". They
# can be told apart with any colour vision. The plots in Python have the same colours.

blue <- "#0072B2"
vermilion <- "#D55E00"
blues <- c("#F7FBFF", "#C6DBEF", "#6BAED6", "#2171B5", "#08306B")
gap <- 3L # pixels between sample images
most_marked <- 40L # epochs, above which points would hide the line
most_named <- 100L # classes, above which their names would cover each other
most_counted <- 25L # classes, above which the counts in the cells could not be read

# Plot accuracy and loss against epochs. A dotted line follows the epochs of the last layer alone.
plot_history <- function(model) {
  history <- model$history[model$history$metric != "learning_rate", ]
  metric <- tools::toTitleCase(gsub("_", " ", history$metric, fixed = TRUE))
  history$metric <- factor(metric, levels = unique(c("Accuracy", "Loss", metric)))
  history$split <- split_factor(
    history$split,
    c("training", validation_label(model$config$validation))
  )
  plot <- ggplot2::ggplot(
    history,
    ggplot2::aes(
      .data$epoch,
      .data$value,
      colour = .data$split,
      linetype = .data$split,
      shape = .data$split
    )
  ) +
    ggplot2::facet_wrap(ggplot2::vars(.data$metric), scales = "free_y") +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::labs(
      title = sprintf("%s on %s", model$architecture, model$data$name),
      x = "Epoch",
      y = NULL,
      colour = NULL,
      linetype = NULL,
      shape = NULL
    ) +
    split_scales(levels(history$split)) +
    plain_theme() +
    ggplot2::theme(legend.position = "bottom")
  epochs <- max(history$epoch)
  frozen <- model$config$frozen_epochs
  marks <- list(
    # Up to this line, the last layer learned alone.
    if (isTRUE(frozen > 0) && frozen < epochs) {
      ggplot2::geom_vline(xintercept = frozen + 0.5, colour = "grey50", linetype = "dotted")
    },
    if (epochs > 1L) ggplot2::geom_line(),
    if (epochs <= most_marked) ggplot2::geom_point(size = 1.8)
  )
  plot + marks
}

# Plot sample images, with one row per class. `images` is a raw array of shape (class, image,
# height, width, 3).
plot_mosaic <- function(images, class_names, title) {
  shape <- dim(images)
  tile <- shape[3:4] + gap
  mosaic <- as_mosaic(images, tile)
  height <- nrow(mosaic)
  middles <- height - (seq_along(class_names) - 0.5) * tile[[1L]] + gap / 2
  ggplot2::ggplot() +
    ggplot2::annotation_raster(mosaic, 0, ncol(mosaic), 0, height, interpolate = FALSE) +
    ggplot2::scale_x_continuous(limits = c(0, ncol(mosaic)), expand = c(0, 0), breaks = NULL) +
    ggplot2::scale_y_continuous(
      limits = c(0, height),
      expand = c(0, 0),
      breaks = middles,
      labels = class_names
    ) +
    ggplot2::coord_fixed() +
    ggplot2::labs(title = title, x = NULL, y = NULL) +
    plain_theme() +
    ggplot2::theme(panel.grid = ggplot2::element_blank())
}

# Plot the counts of true against predicted classes, coloured by their share of the true class.
plot_confusion <- function(evaluation) {
  counts <- evaluation$confusion
  total <- stats::ave(counts$n, counts$truth, FUN = sum)
  counts$share <- counts$n / pmax(total, 1)
  plot <- ggplot2::ggplot(counts, ggplot2::aes(.data$predicted, .data$truth)) +
    ggplot2::geom_tile(ggplot2::aes(fill = .data$share), colour = "white") +
    ggplot2::scale_fill_gradientn(
      colours = blues,
      limits = c(0, 1),
      name = "Share of\nthe true class"
    ) +
    ggplot2::scale_y_discrete(limits = rev) +
    ggplot2::coord_fixed() +
    ggplot2::labs(
      title = sprintf(
        "Split %s: accuracy %.4f on %s images",
        evaluation$split,
        evaluation$accuracy,
        with_commas(evaluation$n)
      ),
      x = "Predicted class",
      y = "True class"
    ) +
    plain_theme() +
    ggplot2::theme(
      panel.grid = ggplot2::element_blank(),
      axis.text.x = ggplot2::element_text(angle = 45, hjust = 1)
    )
  if (nlevels(counts$truth) > most_named) {
    return(plot + ggplot2::theme(axis.text = ggplot2::element_blank()))
  }
  if (nlevels(counts$truth) > most_counted) {
    return(plot)
  }
  counts$ink <- ifelse(counts$share > 0.5, "white", ifelse(counts$n == 0, "#999999", "black"))
  plot +
    ggplot2::geom_text(
      ggplot2::aes(label = .data$n),
      counts,
      colour = counts$ink,
      size = 3
    )
}

plain_theme <- function() {
  ggplot2::theme_minimal(base_size = 11) +
    ggplot2::theme(
      # White also in a saved file, which a dark viewer may show.
      plot.background = ggplot2::element_rect(fill = "white", colour = NA),
      panel.grid.minor = ggplot2::element_blank(),
      plot.title = ggplot2::element_text(face = "bold", size = 11),
      plot.title.position = "plot",
      panel.spacing.x = ggplot2::unit(1.5, "lines"),
      strip.text = ggplot2::element_text(hjust = 0)
    )
}

# Return the splits of a history as a factor whose levels are the labels in the legend. Since no
# scale has labels of its own, ggplot2 draws one legend for colour, line and point, also where the
# user adds another scale.
split_factor <- function(splits, labels) {
  factor(splits, levels = c("train", "validation"), labels = labels)
}

# Return scales for the training and the validation, which are called `names`.
split_scales <- function(names) {
  list(
    ggplot2::scale_colour_manual(values = stats::setNames(c(blue, vermilion), names)),
    ggplot2::scale_linetype_manual(values = stats::setNames(c("solid", "dashed"), names)),
    ggplot2::scale_shape_manual(values = stats::setNames(c(16, 15), names))
  )
}

# Label the validation. `validation` is a held-out share, or the name of a split.
validation_label <- function(validation) {
  if (is.character(validation)) sprintf("validation (split %s)", validation) else "validation"
}

# Return axis breaks that are whole numbers.
whole_breaks <- function(limits) {
  breaks <- pretty(limits)
  breaks[breaks == trunc(breaks)]
}

# Arrange images on a white background, as a matrix of colours. `tile` is the height and width of an
# image with its gap.
as_mosaic <- function(images, tile) {
  shape <- dim(images)
  pixels <- array(as.integer(images), shape)
  colours <- grDevices::rgb(
    pixels[,,,, 1],
    pixels[,,,, 2],
    pixels[,,,, 3],
    maxColorValue = 255
  )
  framed <- array("#FFFFFF", c(shape[1:2], tile))
  framed[,, seq_len(shape[[3L]]), seq_len(shape[[4L]])] <- colours
  # Rows of the matrix are the pixel rows of each class in turn. Columns are the pixel columns of
  # each image in turn.
  matrix(aperm(framed, c(3, 1, 4, 2)), shape[[1L]] * tile[[1L]])
}

# Plot accuracy against epochs, with one panel for each network and budget, and one line for each
# seed.
plot_reproduction <- function(reproduction) {
  table <- reproduction$table
  history <- reproduction$history[reproduction$history$metric == "accuracy", ]
  panel <- function(x) paste0(x$architecture, ", ", x$budget)
  history$panel <- factor(panel(history), levels = unique(panel(table)))
  table$panel <- factor(panel(table), levels = unique(panel(table)))
  stated <- table[!is.na(table$stated_test), ]
  history$split <- split_factor(history$split, c("training images", "test images"))
  ggplot2::ggplot(
    history,
    ggplot2::aes(
      .data$epoch,
      .data$value,
      colour = .data$split,
      linetype = .data$split,
      group = interaction(.data$split, .data$seed)
    )
  ) +
    ggplot2::geom_hline(
      ggplot2::aes(yintercept = .data$stated_test),
      stated,
      colour = "#666666",
      linewidth = 0.3
    ) +
    marks_of(history$epoch) +
    ggplot2::facet_wrap(
      ggplot2::vars(.data$panel),
      scales = "free_x",
      labeller = ggplot2::label_wrap_gen(20)
    ) +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::coord_cartesian(ylim = c(0, 1)) +
    split_scales(levels(history$split))[1:2] +
    ggplot2::labs(
      x = "Epoch",
      y = "Accuracy",
      colour = NULL,
      linetype = NULL,
      caption = if (nrow(stated) > 0L) "Grey lines: the stated accuracy on test images."
    ) +
    plain_theme() +
    ggplot2::theme(legend.position = "bottom")
}

# Return lines, or points if there is only one epoch.
marks_of <- function(epochs) {
  if (max(epochs) > 1L) ggplot2::geom_line() else ggplot2::geom_point(size = 1.8)
}

# Plot an image, and beside it the image in grey under the heat map.
plot_explanation <- function(explanation) {
  pixels <- array(as.integer(explanation$image), dim(explanation$image))
  height <- nrow(pixels)
  width <- ncol(pixels)
  colours <- grDevices::rgb(pixels[,, 1], pixels[,, 2], pixels[,, 3], maxColorValue = 255)
  heat <- as.data.frame.table(explanation$heatmap, responseName = "looked")
  heat$x <- as.integer(heat$Var2) - 0.5
  heat$y <- height - as.integer(heat$Var1) + 0.5
  sides <- factor(c("image", "where it looked"))
  grey <- grDevices::grey(rowMeans(pixels, dims = 2L) / 255)
  raster <- function(colours, side) {
    ggplot2::geom_raster(
      ggplot2::aes(.data$x, .data$y),
      data.frame(x = heat$x, y = heat$y, side = sides[[side]]),
      fill = as.vector(colours)
    )
  }
  ggplot2::ggplot() +
    raster(colours, 1L) +
    raster(grey, 2L) +
    ggplot2::geom_raster(
      ggplot2::aes(.data$x, .data$y, fill = .data$looked),
      cbind(heat, side = sides[[2L]]),
      alpha = 0.6
    ) +
    ggplot2::facet_wrap(ggplot2::vars(.data$side)) +
    ggplot2::scale_fill_viridis_c(option = "B", limits = c(0, 1), name = "Where\nit looked") +
    ggplot2::coord_fixed(xlim = c(0, width), ylim = c(0, height), expand = FALSE) +
    ggplot2::labs(
      title = sprintf(
        "%s: probability %.4f, layer %s",
        explanation$class_name,
        explanation$probability,
        explanation$layer
      )
    ) +
    bare_theme()
}

# Plot filters, eight in a row. `filters` is an array of shape (filter, height, width, 3) with
# values 0-1.
plot_filters <- function(filters, architecture) {
  n <- nrow(filters)
  pixels <- round(filters * 255)
  bytes <- array(as.raw(pixels), c(n, 1L, dim(filters)[-1L]))
  columns <- min(8L, n)
  rows <- ceiling(n / columns)
  grid <- array(as.raw(255L), c(rows * columns, 1L, dim(filters)[-1L]))
  grid[seq_len(n), , , , ] <- bytes
  # as_mosaic() takes the shape (row, column, height, width, 3).
  grid <- aperm(array(grid, c(columns, rows, dim(filters)[-1L])), c(2L, 1L, 3L, 4L, 5L))
  side <- dim(filters)[[2L]]
  mosaic <- as_mosaic(grid, dim(filters)[2:3] + if (side < 8L) 1L else gap)
  ggplot2::ggplot() +
    ggplot2::annotation_raster(
      mosaic,
      0,
      ncol(mosaic),
      0,
      nrow(mosaic),
      interpolate = FALSE
    ) +
    ggplot2::coord_fixed(xlim = c(0, ncol(mosaic)), ylim = c(0, nrow(mosaic)), expand = FALSE) +
    ggplot2::labs(title = paste("First filters of", architecture)) +
    bare_theme()
}

# Plot feature maps, with one row per layer. `maps` is a list, by layer, of arrays of shape (map,
# height, width).
plot_feature_maps <- function(maps, architecture) {
  tables <- lapply(names(maps), function(layer) {
    values <- maps[[layer]]
    table <- as.data.frame.table(values, responseName = "value")
    table$value <- stats::ave(table$value, table$Var1, FUN = function(x) {
      (x - min(x)) / max(max(x) - min(x), .Machine$double.xmin)
    })
    table$x <- (as.integer(table$Var3) - 0.5) / dim(values)[[3L]]
    table$y <- 1 - (as.integer(table$Var2) - 0.5) / dim(values)[[2L]]
    table$width <- 1 / dim(values)[[3L]]
    table$height <- 1 / dim(values)[[2L]]
    table$layer <- factor(layer, levels = names(maps))
    table
  })
  ggplot2::ggplot(
    do.call(rbind, tables),
    ggplot2::aes(
      .data$x,
      .data$y,
      fill = .data$value,
      width = .data$width,
      height = .data$height
    )
  ) +
    ggplot2::geom_tile() +
    ggplot2::facet_grid(
      ggplot2::vars(.data$layer),
      ggplot2::vars(as.integer(.data$Var1)),
      switch = "y"
    ) +
    ggplot2::scale_fill_viridis_c(guide = "none") +
    ggplot2::coord_fixed(expand = FALSE) +
    ggplot2::labs(title = paste("Maps of", architecture)) +
    bare_theme() +
    ggplot2::theme(strip.text.x = ggplot2::element_blank())
}

# Return the theme for images, which have no axes.
bare_theme <- function() {
  plain_theme() +
    ggplot2::theme(
      panel.grid = ggplot2::element_blank(),
      axis.text = ggplot2::element_blank(),
      axis.title = ggplot2::element_blank()
    )
}

# Plot the loss against the learning rate, and mark the suggested learning rate if there is one.
plot_learning_rates <- function(found) {
  marks <- if (!is.na(found$suggestion)) {
    ggplot2::geom_vline(xintercept = found$suggestion, colour = vermilion, linetype = "dashed")
  }
  ggplot2::ggplot(found$table, ggplot2::aes(.data$learning_rate)) +
    ggplot2::geom_line(ggplot2::aes(y = .data$loss), colour = "#666666", linewidth = 0.3) +
    ggplot2::geom_line(ggplot2::aes(y = .data$smoothed), colour = blue) +
    ggplot2::geom_point(
      ggplot2::aes(y = .data$loss),
      data = found$trials[is.finite(found$trials$loss), ],
      colour = vermilion,
      shape = 1
    ) +
    ggplot2::scale_x_log10() +
    ggplot2::labs(
      title = found$architecture,
      subtitle = format_suggestion(found),
      x = "Learning rate",
      y = "Loss"
    ) +
    plain_theme() +
    marks
}
