//! Events that providers deliver about messages: bounces, complaints, unsubscribes.
