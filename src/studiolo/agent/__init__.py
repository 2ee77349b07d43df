"""The program inside a project's sandbox: files, exec, kernels, documents."""
