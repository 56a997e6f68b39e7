"""Training of what `mocap/understand` recognises: data, drawn windows, networks."""
