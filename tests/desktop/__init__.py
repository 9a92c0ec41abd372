"""Tests of what people see and click."""
