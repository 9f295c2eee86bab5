package sim

// PrivateKey is the team's key, of which the simulator knows the public half. It was made for this.
const PrivateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0HGaSVuebf4VIG66
Zzd4aSX/6kDqHlGzsLxp2VwyKbuhRANCAASp3PtQ0wpNJp33v4Pn818Jsa4dZ6Kz
EXYAgig2kecTZEHJTGv5cI2wCabsfzyxbDdFiNXgggcIZtbO6y3X0pzx
-----END PRIVATE KEY-----
`
