"""One file for each kind of receiver. Each says one thing about an attempt: is it worth trying again?"""
