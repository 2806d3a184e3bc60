"""What the appliance costs and what its peers do, measured in one run on one machine: ``make bench``.

Figures of different machines, or of different runs, do not compare; ratios within a run do.
"""
