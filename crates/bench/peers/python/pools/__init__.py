"""A module for each library, with a class `Pool`; `contender` says what such a class has."""
