"""What each kernel is run on: inputs, launch, and the result in float64, at many sizes."""
