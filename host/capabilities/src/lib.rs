//! What a bundle may ask the host for: documents, seals, notices, registers, parameters, deliveries.
