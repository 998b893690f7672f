"""What a study found: the numbers behind the comparison of betas, and the sentences made of them."""
