"""`tajo trigger`: a delivery made by hand, and the way it takes: delivery, fact, folds, commands, answers.

`bodies` makes it as BigCommerce does and `posting` gives it to the gateway; `log` reads what is written from then on,
`chain` recognises in that what follows from the delivery, and `diagnosis` says why a link did not come.
"""
