"""Half an hour at speed with everything going wrong: nothing lost, nothing growing."""
