"""Student architectures: families, their cost, and how a student starts from its teacher."""
