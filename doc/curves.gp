# SPDX-License-Identifier: Apache-2.0
# Draw the curves of whole trainings (doc/training/*.csv, the history.csv of
# each): in this folder, `gnuplot curves.gp` writes curves.svg.
set terminal svg size 860,330 font 'sans-serif,12' background 'white'
set output 'curves.svg'
set datafile separator ','
set datafile missing 'NA'
set multiplot layout 1,2
set grid linecolor '#dddddd'
set border 3
set tics nomirror
set xrange [1:25]
set xlabel 'epoch'

runs = 'keras pocl intel nvidia-h200'
titles = '"Keras, oneDNN" "clade, PoCL" "clade, Intel" "clade, NVIDIA H200"'
array colour[4] = ['#555555', '#d55e00', '#009e73', '#0072b2']

set key top right samplen 2
set yrange [2.6:4.2]
set ylabel 'loss of the three heads'
plot for [i = 1:words(runs)] 'training/'.word(runs, i).'.csv' \
    using ($1 + 1):2 skip 1 with lines linecolor rgb colour[i] linewidth 2 \
    title word(titles, i), \
    for [i = 1:words(runs)] 'training/'.word(runs, i).'.csv' \
    using ($1 + 1):9 skip 1 with lines \
    linecolor rgb colour[i] dashtype 2 notitle

set key bottom right
set yrange [0:0.36]
set ylabel 'accuracy of the main head'
plot for [i = 1:words(runs)] 'training/'.word(runs, i).'.csv' \
    using ($1 + 1):4 skip 1 with lines linecolor rgb colour[i] linewidth 2 \
    title word(titles, i), \
    for [i = 1:words(runs)] 'training/'.word(runs, i).'.csv' \
    using ($1 + 1):11 skip 1 with lines \
    linecolor rgb colour[i] dashtype 2 notitle
