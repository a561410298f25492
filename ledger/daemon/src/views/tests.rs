mod folded;
mod model;
mod race;
