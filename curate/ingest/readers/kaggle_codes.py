"""The codes of Kaggle's ``wclasses.csv``, which ships without their names.

One block of integers: artists 0 to 128 (0 is unknown; Albrecht Durer, ArtGAN's 0, is 25), genres 129 to 139
(139 is unknown), styles 140 to 166.
"""

from __future__ import annotations

ARTISTS = """
boris-kustodiev camille-pissarro childe-hassam claude-monet edgar-degas eugene-boudin gustave-dore
ilya-repin ivan-aivazovsky ivan-shishkin john-singer-sargent marc-chagall martiros-saryan
nicholas-roerich pablo-picasso paul-cezanne pierre-auguste-renoir pyotr-konchalovsky
raphael-kirchner rembrandt salvador-dali vincent-van-gogh hieronymus-bosch leonardo-da-vinci
albrecht-durer edouard-cortes sam-francis juan-gris lucas-cranach-the-elder paul-gauguin
konstantin-makovsky egon-schiele thomas-eakins gustave-moreau francisco-goya edvard-munch
henri-matisse fra-angelico maxime-maufra jan-matejko mstislav-dobuzhinsky alfred-sisley mary-cassatt
gustave-loiseau fernando-botero zinaida-serebriakova georges-seurat isaac-levitan joaquín-sorolla
jacek-malczewski berthe-morisot andy-warhol arkhip-kuindzhi niko-pirosmani james-tissot
vasily-polenov valentin-serov pietro-perugino pierre-bonnard ferdinand-hodler
bartolome-esteban-murillo giovanni-boldini henri-martin gustav-klimt vasily-perov odilon-redon
tintoretto gene-davis raphael john-henry-twachtman henri-de-toulouse-lautrec antoine-blanchard
david-burliuk camille-corot konstantin-korovin ivan-bilibin titian maurice-prendergast edouard-manet
peter-paul-rubens aubrey-beardsley paolo-veronese joshua-reynolds kuzma-petrov-vodkin
gustave-caillebotte lucian-freud michelangelo dante-gabriel-rossetti felix-vallotton
nikolay-bogdanov-belsky georges-braque vasily-surikov fernand-leger konstantin-somov
katsushika-hokusai sir-lawrence-alma-tadema vasily-vereshchagin ernst-ludwig-kirchner mikhail-vrubel
orest-kiprensky william-merritt-chase aleksey-savrasov hans-memling amedeo-modigliani ivan-kramskoy
utagawa-kuniyoshi gustave-courbet william-turner theo-van-rysselberghe joseph-wright
edward-burne-jones koloman-moser viktor-vasnetsov anthony-van-dyck raoul-dufy frans-hals
hans-holbein-the-younger ilya-mashkov henri-fantin-latour m.c.-escher el-greco mikalojus-ciurlionis
james-mcneill-whistler karl-bryullov jacob-jordaens thomas-gainsborough eugene-delacroix canaletto
""".split()

GENRES = """
abstract_painting cityscape genre_painting illustration landscape nude_painting portrait
religious_painting sketch_and_study still_life
""".split()

STYLES = """
Abstract_Expressionism Action_painting Analytical_Cubism Art_Nouveau_Modern Baroque
Color_Field_Painting Contemporary_Realism Cubism Early_Renaissance Expressionism Fauvism
High_Renaissance Impressionism Mannerism_Late_Renaissance Minimalism Naive_Art_Primitivism
New_Realism Northern_Renaissance Pointillism Pop_Art Post_Impressionism Realism Rococo Romanticism
Symbolism Synthetic_Cubism Ukiyo_e
""".split()

CODES: dict[str, dict[int, str]] = {
    "artist": dict(enumerate(["", *ARTISTS])),
    "genre": dict(enumerate([*GENRES, ""], start=129)),
    "style": dict(enumerate([*STYLES, ""], start=140)),
}
"""By attribute, the class's spelling by code; an empty one where the code says "unknown"."""
