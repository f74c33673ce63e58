"""Options of `fit` for runs that need only be there."""

SMALL = ["--model.hidden", "[8]", "--model.latent.dim", "2", "--epochs", "1", "--no-report"]
