"""`tajo hooks`: the webhooks at BigCommerce and Brevo, from outside. The watch over them is streams.enrich.watch."""
