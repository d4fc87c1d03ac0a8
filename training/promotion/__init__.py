"""Champion against challenger: the models that are served and those that were just trained, on questions that neither has seen."""
