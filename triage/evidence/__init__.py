"""Reading evidence: image, volumes, file systems, index. The only place for pytsk3 and libewf."""
