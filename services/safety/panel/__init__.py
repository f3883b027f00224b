"""Digital inputs and outputs of the station: what they mean, and who drives them."""
