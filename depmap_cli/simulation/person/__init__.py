"""What a simulated person looks like: face shape, skin, hair, clothing and expressions."""
