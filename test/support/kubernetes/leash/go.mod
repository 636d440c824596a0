module fairlead.test/leash

go 1.24.0
