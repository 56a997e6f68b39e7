"""Joints and markers that other systems measured: read, named, turned to metres and Z up."""
