module wirebook

go 1.19
