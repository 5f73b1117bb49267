"""What may pass: detectors, decoding layers, known secrets and documents, rules, over bytes."""
