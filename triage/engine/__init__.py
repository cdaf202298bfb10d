"""One run of one image: workers, two rounds of extractors, a bundle."""
