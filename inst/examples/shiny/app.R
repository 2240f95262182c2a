# A Shiny app that predicts a picture. Start it from R: shiny::runApp("app.R")
#
# PYCIFAR_MODEL may be the path of a model of yours.

library(pycifar)
library(shiny)

model <- cifar_load_model(Sys.getenv("PYCIFAR_MODEL", "fastnet-cifar10"))

ui <- fluidPage(
  titlePanel("What is in the picture?"),
  sidebarLayout(
    sidebarPanel(
      fileInput("picture", "A picture", accept = "image/*"),
      textOutput("answer")
    ),
    mainPanel(
      plotOutput("bars", height = 300),
      plotOutput("heat", height = 300)
    )
  )
)

server <- function(input, output, session) {
  probabilities <- reactive({
    path <- req(input$picture)$datapath
    tryCatch(
      unlist(predict(model, path, type = "prob")),
      pycifar_error = function(error) validate(conditionMessage(error))
    )
  })
  output$answer <- renderText({
    most <- which.max(probabilities())
    sprintf("%s (%.0f %%)", model$class_names[[most]], 100 * probabilities()[[most]])
  })
  output$bars <- renderPlot({
    shares <- sort(stats::setNames(probabilities(), model$class_names))
    graphics::par(mar = c(3, 8, 1, 1))
    graphics::barplot(shares, horiz = TRUE, las = 1, xlim = c(0, 1), border = NA)
  })
  output$heat <- renderPlot({
    probabilities() # a picture is there, and can be read
    plot(cifar_explain(model, input$picture$datapath))
  })
}

shinyApp(ui, server)
