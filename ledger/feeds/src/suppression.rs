//! Files of people who must not be contacted, as providers and registries deliver them.
